"""Hypercorn, of which we use more than its documentation promises. Nothing else imports Hypercorn, h11 or wsproto.

`hypercorn.trio.serve` is not used; we take its classes for HTTP/1.1 and WebSocket and write to its connections. They
are no documented interface, so `pyproject.toml` pins the version. Whoever raises it reads this list, and runs the tests
that stand at each point (below `tests/`).

Connections (`connection.py`, `worker.py`):

* A connection is the unit of failure. In Hypercorn an error that leaves a connection ends the server:
  `security/test_bounds.py::test_malformed_requests`,
  `contract/test_hypercorn_adapter.py::test_a_connection_that_crashes_ends_no_other`
* Headers have a deadline of their own, and so has an idle connection: `security/test_bounds.py::test_slow_headers`,
  `security/test_bounds.py::test_keep_alive_ends`
* A send has a deadline on progress and can be aborted (`web.wire`). Hypercorn shields it for ever:
  `security/test_bounds.py::test_stuck_reader`, `security/test_bounds.py::test_stuck_reader_at_shutdown`
* After the last byte what the client still sends is read and dropped, so that it sees the answer:
  `contract/test_hypercorn_adapter.py::test_a_client_that_still_sends_sees_the_answer`
* At the stop idle connections are closed at once, and requests in flight have a grace:
  `contract/test_hypercorn_adapter.py::test_idle_connections_do_not_hold_the_stop`,
  `contract/test_hypercorn_adapter.py::test_a_request_in_flight_is_answered_at_the_stop`

HTTP/1.1 (`http1.py`):

* HTTP/2 is not spoken, neither with prior knowledge nor by an upgrade; Hypercorn has no switch for it:
  `security/test_bounds.py::test_http2_is_not_spoken`
* A head that could be understood in two ways is refused before a stream is made of it (`web.request_head`):
  `security/test_headers.py::test_twice`, `security/test_headers.py::test_how_long_is_it`
* What is refused is answered as JSON with a code; Hypercorn sends an empty body:
  `security/test_headers.py::test_another_coding`,
  `contract/test_hypercorn_adapter.py::test_a_head_that_is_too_large`
* What h11 refuses to send is a client that is gone, not a bug:
  `contract/test_hypercorn_adapter.py::test_a_body_longer_than_announced`

WebSocket (`websocket.py`, and the handshake in `http1.py`):

* Handshakes over which Hypercorn or wsproto stumble are refused before:
  `security/test_bounds.py::test_malformed_requests`,
  `contract/test_hypercorn_adapter.py::test_a_handshake_that_is_none`
* Compression is not offered; Hypercorn has no switch for it: `contract/test_hypercorn_adapter.py::test_no_compression`
* Frames that come together with the handshake wait for its answer; Hypercorn answers twice:
  `contract/test_ws.py::test_frames_that_come_with_the_handshake`,
  `contract/test_hypercorn_adapter.py::test_frames_of_a_handshake_that_was_refused`
* A message that is too big ends the connection, whatever the client does next:
  `faults/test_connections.py::test_websocket_message_too_long`

Answers (`finish.py`):

* The last part of an answer is shielded for a while. Quart cancels itself while Hypercorn recycles the connection:
  `contract/test_hypercorn_adapter.py::test_an_app_that_is_cancelled_in_its_last_send`
* Who answers before the body has come keeps reading it: Hypercorn's queue of ten parts has no other reader:
  `contract/test_hypercorn_adapter.py::test_an_answer_before_a_long_body`,
  `security/test_bounds.py::test_oversized_uploads`

Streams (`straight.py`):

* The head of an answer is written when `send` returns, and data may be written behind it past Hypercorn, in chunks:
  `contract/test_hypercorn_adapter.py::test_a_straight_answer`, `contract/test_sse.py::test_head_and_first_bytes`
* An app that returns without the last part has its connection closed without the last chunk:
  `contract/test_hypercorn_adapter.py::test_a_straight_answer_without_an_end`, `contract/test_sse.py::test_journal_cuts`
* Once a WebSocket is accepted, frames may be written past wsproto, whose part is what the client sends and the close:
  `contract/test_ws.py::test_hello_both_ways`, `contract/test_ws.py::test_shutdown`
"""

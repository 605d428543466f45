/** What the types do not tell. Names that do not exist and names that nobody uses are found by tsc. */
import js from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';

/** Ways to make markup from text. */
const UNSAFE = 'innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|srcdoc';
/** Ways to reach the daemon. */
const NETWORK = ['fetch', 'EventSource', 'WebSocket', 'XMLHttpRequest'];

export default [
  { ignores: ['**/vendor/'] },
  js.configs.recommended,
  {
    plugins: { hooks },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'no-undef': 'off',
      'no-unused-vars': 'off',
      'array-callback-return': 'error',
      eqeqeq: 'error',
      'hooks/rules-of-hooks': 'error',
      'no-alert': 'error',
      'no-console': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-self-compare': 'error',
      'no-shadow': 'error',
      'no-template-curly-in-string': 'error',
      'no-throw-literal': 'error',
      'no-unmodified-loop-condition': 'error',
      'no-unused-expressions': 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: `Identifier[name=/^(${UNSAFE})$/]`, message: 'Text is inserted as text nodes.' },
        { selector: `TemplateElement[value.raw=/${UNSAFE}/]`, message: 'Text is inserted as text nodes.' },
      ],
    },
  },
  {
    ignores: ['**/app/client/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...NETWORK.map((name) => ({ name, message: 'The daemon is asked in app/client.' })),
      ],
    },
  },
  {
    ignores: ['**/app/html.js'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: 'vendor/(?!uplot|markdown-it|highlight)', message: 'The view library comes from app/html.js.' }] },
      ],
    },
  },
];

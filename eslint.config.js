import js from '@eslint/js';
import globals from 'globals';

/** Markup comes from templates and text goes in by textContent: nothing builds HTML from strings. */
const MARKUP_SINKS = [
  'innerHTML',
  'outerHTML',
  'insertAdjacentHTML',
  'srcdoc',
  'setHTMLUnsafe',
].map((property) => ({ property, message: 'Use <template> and textContent.' }));

/** Which folders of static/js may import which others (docs/architecture.md, "Arrows"). */
const LAYERS = {
  texts: [],
  crypto: [],
  io: ['crypto', 'texts'],
  net: ['crypto', 'texts'],
  ui: ['crypto', 'texts'],
  worker: ['crypto', 'net', 'io'],
  pages: ['crypto', 'net', 'io', 'ui', 'worker', 'texts'],
};

/** @param {string[]} allowed */
function onlyFrom(allowed) {
  const folders = allowed.map((folder) => `|${folder}/`).join('');
  return { regex: `^\\.\\./(?!\\.\\./vendor/${folders})`, message: 'Against the arrows.' };
}

export default [
  {
    ignores: [
      'static/vendor/**',
      'static/js/texts/de/**', // made by `make texts`
      'node_modules/**',
      'var/**',
      '.venv/**',
      'staticfiles/**',
    ],
  },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: 'module' },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      curly: ['error', 'multi-line'],
      eqeqeq: ['error', 'always'],
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 5],
      'no-alert': 'error',
      'no-console': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-shadow': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'no-restricted-properties': [
        'error',
        ...MARKUP_SINKS,
        { object: 'Math', property: 'random', message: 'Use random() of crypto/bytes.js.' },
        { object: 'document', property: 'write', message: 'Use <template> and textContent.' },
      ],
    },
  },
  { files: ['static/js/**'], languageOptions: { globals: globals.browser } },
  {
    files: ['static/js/worker/**'],
    languageOptions: { globals: { ...globals.worker, ...globals.serviceworker } },
  },
  {
    files: ['static/js/crypto/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        'window',
        'document',
        'fetch',
        'localStorage',
        'indexedDB',
      ],
    },
  },
  ...Object.entries(LAYERS).map(([layer, allowed]) => ({
    files: [`static/js/${layer}/**`],
    rules: { 'no-restricted-imports': ['error', { patterns: [onlyFrom(allowed)] }] },
  })),
  {
    files: ['tests/**', 'requirements/*.mjs', 'eslint.config.js'],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
    rules: { 'no-console': 'off', 'max-lines-per-function': 'off' },
  },
];

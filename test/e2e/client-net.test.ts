/**
 * The client tests once more, in the mode for untested versions of Node and for warnings about what
 * is below node:net: a warning of Node among the client's output would fail all of these.
 */
process.env['NODE_PENDING_DEPRECATION'] = '1';
await import('./client.test.ts');

/**
 * The client once more, by the way of those whose Node is not one of the tested versions or warns
 * of what lies below node:net: a warning of Node's among the client's words would fail all of
 * these.
 */
process.env['NODE_PENDING_DEPRECATION'] = '1';
await import('./client.test.ts');

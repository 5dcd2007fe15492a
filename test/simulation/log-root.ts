/** Where the simulated disk keeps the claim logs. */
export const LOG_ROOT = '/data/log';

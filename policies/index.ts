/** The map of policies. A new one is a file beside this, and a line here. */
import { cardinality } from './cardinality.ts';
import { rsnapshot } from './rsnapshot.ts';

export const policies = { cardinality, rsnapshot } as const;

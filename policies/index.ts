/** The map of policies. A new policy is a file in this directory, and a line here. */
import { cardinality } from './cardinality.ts';
import { priority } from './priority.ts';
import { require } from './require.ts';
import { rsnapshot } from './rsnapshot.ts';
import { spacing } from './spacing.ts';
import { window } from './window.ts';

export const policies = { cardinality, priority, require, rsnapshot, spacing, window } as const;

/** The commands for existing crontabs and configurations: `check-crontab` and `import`. */
import { importAnacron } from '../anacron/import-anacron.ts';
import type { Command } from '../command-line/invocation.ts';
import type { Place } from '../connection/conversation.ts';
import { checkCrontab } from '../crontab/check-crontab.ts';
import { importPy9tor, importRsnapshot } from '../crontab/import.ts';
import { importBorgmatic } from '../crontab/import-borgmatic.ts';
import { importCrontab } from '../crontab/import-crontab.ts';
import type { Ending } from '../ending.ts';
import { importResticprofile } from '../systemd/import-resticprofile.ts';
import { importSystemd } from '../systemd/import-systemd.ts';

type Migration = Extract<Command, { readonly verb: 'check-crontab' | 'import' }>;

export async function migrate(command: Migration, place: Place): Promise<Ending> {
  if (command.verb === 'check-crontab') return checkCrontab(command, place);
  if (command.from === 'crontab') return importCrontab(command.files, command.write, place);
  if (command.from === 'systemd') return importSystemd(command.files, command.write, place);
  if (command.from === 'anacron') return importAnacron(command.files[0], command.write, place);
  if (command.from === 'resticprofile')
    return importResticprofile(command.files, command.write, place);
  if (command.from === 'borgmatic') return importBorgmatic(command.files);
  return command.from === 'py9tor'
    ? importPy9tor(command.files[0] ?? '')
    : importRsnapshot(command.files);
}

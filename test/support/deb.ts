/** What a test of the Debian package needs from dpkg, on this machine. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './config.ts';

/** Runs a command on this machine; it has to succeed. */
export function outside(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  assert.equal(status, 0, `${command}: ${stdout}${stderr}`);
  return stdout;
}

export function filesOf(deb: string): readonly string[] {
  const lines = outside('dpkg-deb', '--contents', deb).trim().split('\n');
  return lines.map((line) => line.split(/\s+/)[5] ?? '');
}

/** Names of the files in a directory of the repository. */
export function namesIn(directory: string, pattern: RegExp): readonly string[] {
  return readdirSync(join(ROOT, directory)).filter((name) => pattern.test(name));
}

/** The same package with another version, also in its own package.json. */
export function withVersion(directory: string, deb: string, version: string): string {
  const tree = join(directory, 'tree');
  outside('dpkg-deb', '--raw-extract', deb, tree);
  replaceIn(join(tree, 'DEBIAN/control'), /^Version: .*$/m, `Version: ${version}`);
  const about = join(tree, 'usr/lib/baton/package.json');
  replaceIn(about, /"version": "[^"]*"/, `"version": "${version.split('-')[0]}"`);
  outside('dpkg-deb', '--build', '-Zgzip', tree, directory);
  return join(directory, `baton_${version}_all.deb`);
}

function replaceIn(file: string, what: RegExp, by: string): void {
  const text = readFileSync(file, 'utf8');
  assert.match(text, what);
  writeFileSync(file, text.replace(what, by));
}

/** If there is no Debian package of node, or it is too old: a substitute, or ''. */
export function nodePackageIfMissing(directory: string): string {
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '$' + '{Version}', 'nodejs']);
  const fits = spawnSync('dpkg', ['--compare-versions', String(stdout), 'ge', '20.15']);
  return fits.status === 0 ? '' : nodePackage(directory);
}

/** A substitute package for node, as made by `equivs`; returns its path. */
export function nodePackage(directory: string): string {
  const tree = join(directory, 'node');
  const version = `${process.versions.node}-0test`;
  outside('mkdir', '-p', join(tree, 'DEBIAN'));
  writeFileSync(
    join(tree, 'DEBIAN/control'),
    `Package: nodejs\nVersion: ${version}\nArchitecture: all\nMaintainer: baton <root@localhost>\n` +
      'Description: stands for the node of this machine\n',
  );
  outside('dpkg-deb', '--build', '-Zgzip', tree, directory);
  return join(directory, `nodejs_${version}_all.deb`);
}

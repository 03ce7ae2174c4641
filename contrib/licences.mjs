/**
 * The texts in the packages about the bundled modules, from bundled.mjs: the licences, as stanzas
 * of a Debian copyright file (DEP 5), which is readable for people as well; a notice; and a bill of
 * materials (SBOM) in CycloneDX 1.5. No times and no random numbers, so that the same tree makes
 * the same files.
 */

export const HOLDER = '2026 the authors of baton';

export function stanzasOf(modules) {
  return modules.map(stanzaOf).join('\n');
}

export function stanza({ files, holder, licence, text }) {
  const lines = text.trim().split(/\r?\n/);
  const body = lines.map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`)).join('\n');
  return `Files: ${files}\nCopyright: ${holder}\nLicense: ${licence}\n${body}\n`;
}

function stanzaOf({ place, parts, ...module }) {
  const { name, licence, text } = module;
  const holders = new Set([module, ...parts].flatMap((part) => part.holders));
  const others = parts.map((part) => `\n${lineOf(part)}\n\n${part.text}`);
  // A short name must be one word, and if two texts had the same name, one would count for both.
  const short = `${licence}-${name}`.replace(/[^\w.-]+/g, '-');
  return stanza({
    files: `${place}/*`,
    holder: [...holders].join('\n '),
    licence: parts.length > 0 ? `${short}-and-its-parts` : short,
    text: [text, ...(parts.length > 0 ? ['\nIts parts:'] : []), ...others].join('\n'),
  });
}

export function noticeOf(modules, { version, license }) {
  return `${[
    `baton ${version}`,
    `Copyright ${HOLDER}. Licence: ${license}.`,
    '',
    'It contains the works below. All licences are in LICENSE.md and dist/licences, in the Debian',
    'package in the file "copyright" beside this one.',
    '',
    ...flat(modules).map((module) => `* ${lineOf(module)}: ${module.holders.join('; ')}`),
  ].join('\n')}\n`;
}

export function sbomOf(modules, { name, version, license }) {
  const component = (about) => ({
    type: 'library',
    'bom-ref': urlOf(about),
    name: about.name,
    version: about.version,
    licenses: [licenceOf(about.licence)],
    copyright: about.holders.join('\n'),
    purl: urlOf(about),
  });
  const self = { name, version };
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': urlOf(self),
        ...self,
        licenses: [licenceOf(license)],
        copyright: HOLDER,
        purl: urlOf(self),
      },
    },
    components: flat(modules).map(component),
    dependencies: [
      { ref: urlOf(self), dependsOn: modules.map(urlOf) },
      ...modules
        .filter(({ parts }) => parts.length > 0)
        .map((module) => ({ ref: urlOf(module), dependsOn: module.parts.map(urlOf) })),
    ],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** Each once, by its name and version. */
function flat(modules) {
  const all = modules.flatMap((module) => [module, ...module.parts]);
  const byUrl = new Map(all.toReversed().map((module) => [urlOf(module), module]));
  return [...byUrl].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, module]) => module);
}

function lineOf({ name, version, licence }) {
  return `${name} ${version} (${licence})`;
}

/** See github.com/package-url/purl-spec: the @ of a scope is percent-encoded. */
function urlOf({ name, version }) {
  return `pkg:npm/${name.replace(/^@/, '%40')}@${version}`;
}

/** An expression is not a licence name. */
function licenceOf(licence) {
  return / (OR|AND|WITH) /.test(licence) ? { expression: licence } : { license: { id: licence } };
}

/**
 * The binaries of uWebSockets.js that may be loaded from the registry. These packages are made by somebody else than
 * uWebSockets.js is, and a native module shares the process, and so the code key, with everything here. A release of
 * such a package that is not this one, byte for byte, is not loaded. docs/decisions/0006-pinned-binaries.md says where
 * the figures come from and how to compare them with upstream's.
 */
export interface PinnedBinary {
  readonly name: string;
  readonly version: string;
  /** Of the package's `uws.node`, hexadecimal. */
  readonly sha256: string;
  /** Upstream's file that it claims to be: name and the release it is in. */
  readonly upstreamFile: string;
  readonly upstreamTag: string;
}

/** By the major version of Node. */
export const PINNED_BINARIES: Readonly<Record<number, PinnedBinary>> = {
  20: {
    name: '@uwsjs/linux-x64-20',
    version: '20.51.4',
    sha256: '4d482084b665c225892917ee0e9b9572d89eaa6f3dc200ff5e536293d3456c89',
    upstreamFile: 'uws_linux_x64_115.node',
    upstreamTag: 'v20.51.0',
  },
  22: {
    name: '@uwsjs/linux-x64-22',
    version: '20.51.4',
    sha256: 'f687e7c3666b5cca9d355184bbf07bb0550f5ba0d3ffd453248ccfec552dde6c',
    upstreamFile: 'uws_linux_x64_127.node',
    upstreamTag: 'v20.51.0',
  },
  24: {
    name: '@uwsjs/linux-x64-24',
    version: '20.69.0',
    sha256: '177efdc682425d754474bd30f9586c487fa6694f790f3406a23885d0e61c07a0',
    upstreamFile: 'uws_linux_x64_137.node',
    upstreamTag: 'v20.69.0',
  },
  26: {
    name: '@uwsjs/linux-x64-26',
    version: '20.69.0',
    sha256: '604375741bf77780b34e7e299af9274cb1f56d73732201d19e3d8d8448176795',
    upstreamFile: 'uws_linux_x64_147.node',
    upstreamTag: 'v20.69.0',
  },
};

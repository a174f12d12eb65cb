import { readdir, readFile, readlink } from 'node:fs/promises';

/** State of a listening socket in `/proc/net/tcp`. */
const LISTEN = '0A';

/**
 * The port on which a process listens, from the kernel's own tables (Linux): a process that announces another
 * address than its own tells that one alone.
 */
export async function listeningPort(pid: number): Promise<number> {
  const sockets = new Set<string>();
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const link = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
    const [, inode] = /^socket:\[(\d+)\]$/.exec(link) ?? [];
    if (inode !== undefined) sockets.add(inode);
  }
  const table = await readFile(`/proc/${pid}/net/tcp`, 'utf8');
  for (const line of table.split('\n').slice(1)) {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    if (state === LISTEN && sockets.has(inode)) return Number.parseInt(local.split(':')[1] ?? '', 16);
  }
  throw new Error(`process ${pid} listens on no TCP port`);
}

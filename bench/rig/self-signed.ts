import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const OPENSSL_INSTALL = 'apt-get install openssl';

const OPENSSL_PATHS = ['/usr/bin/openssl', '/usr/local/bin/openssl', '/opt/homebrew/bin/openssl'];

/** A key and a certificate for one day, in PEM; undefined where openssl is not there. */
export function selfSigned(): { readonly key: string; readonly cert: string } | undefined {
  const openssl = OPENSSL_PATHS.find((path) => existsSync(path));
  if (openssl === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'reticle-cert-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  try {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    const files = ['-subj', '/CN=localhost', '-keyout', key, '-out', cert];
    execFileSync(openssl, ['req', '-x509', ...curve, '-nodes', '-days', '1', ...files], { stdio: 'ignore' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

import { expect, test } from '@jest/globals';
import { nginxConfig } from './nginx.ts';

test('nginx hands every event on at once, over kept connections, and writes into its folder alone', () => {
  const config = nginxConfig({ folder: '/f', listen: '127.0.0.1:1', behind: '127.0.0.1:2' });
  for (const line of ['proxy_buffering off;', 'proxy_http_version 1.1;', 'keepalive 256;', 'access_log off;']) {
    expect(config).toContain(line);
  }
  expect(config).toContain('server 127.0.0.1:2;');
  expect(config).toContain('listen 127.0.0.1:1;');
  const paths = [...config.matchAll(/ (\/\S*)[;/]/g)].map(([, path]) => path);
  expect(paths.filter((path) => path !== undefined && !path.startsWith('/f') && path !== '/')).toEqual([]);
});

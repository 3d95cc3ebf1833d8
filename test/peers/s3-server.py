"""
OpenStack Swift with its S3 interface, one process a service, in a folder of its own; started by s3-server.ts.

    s3-server.py FOLDER PORT     PORT 0 for any; prints the port, serves until its standard input ends

Everything is kept in FOLDER, so that a server that was killed finds its objects when it is started there again. The
services import Swift once and are forked from here, and their sockets are bound before that: no port is lost to another
process, and the first request just waits. It checks what AWS checks: SigV4, body hashes, checksums, the clock. Its listings
have pages of 100, so that there are pages.
"""

import logging
import os
import signal
import socket
import sys

logging.lastResort = logging.NullHandler()  # eventlet grumbles about a lock of Python's own

from swift.common import utils

utils.monkey_patch()
folder, port = sys.argv[1], int(sys.argv[2])
os.makedirs(f'{folder}/disks/d1', exist_ok=True)
with open(f'{folder}/swift.conf', 'w') as file:
    file.write('[swift-hash]\nswift_hash_path_suffix = test\nswift_hash_path_prefix = test\n')
    file.write('[storage-policy:0]\nname = Policy-0\ndefault = yes\n')
utils.set_swift_dir(folder)  # before anything reads the policies

from eventlet.greenio import GreenSocket
from swift.common import wsgi
from swift.common.ring import RingBuilder

SERVICES = ['object', 'container', 'account', 'proxy']
PROXY_PIPELINE = 'catch_errors cache listing_formats s3api tempauth copy slo dlo symlink proxy-server'
PROXY = """
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
paste.filter_factory = __main__:memory_cache
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1
check_bucket_owner = false
max_bucket_listing = 100
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
user_test_reader = reading
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
minimum_segment_size = 1
[filter:dlo]
use = egg:swift#dlo
[filter:symlink]
use = egg:swift#symlink
"""


def memory_cache(global_conf, **local_conf):
    """What memcached is to Swift, for its one proxy."""
    values = {}

    class Cache:
        def get(self, key, **_):
            return values.get(key)

        def set(self, key, value, **_):
            values[key] = value

        def delete(self, key, **_):
            values.pop(key, None)

    cache = Cache()

    def filter_app(app):
        def call(env, start_response):
            env['swift.cache'] = cache
            return app(env, start_response)

        return call

    return filter_app


def write_conf(service, bound_port):
    path = f'{folder}/{service}-server.conf'
    with open(path, 'w') as conf:
        conf.write(f"""[DEFAULT]
swift_dir = {folder}
devices = {folder}/disks
recon_cache_path = {folder}
bind_ip = 127.0.0.1
bind_port = {bound_port}
mount_check = false
disable_fallocate = true
log_level = ERROR
[pipeline:main]
pipeline = {PROXY_PIPELINE if service == 'proxy' else f'{service}-server'}
[app:{service}-server]
use = egg:swift#{service}
allow_account_management = true
account_autocreate = true
""")
        if service == 'proxy':
            conf.write(PROXY)
    return path


def write_ring(service, bound_port):
    ring = RingBuilder(4, 1, 0)
    ring.add_dev(dict(id=0, region=1, zone=1, ip='127.0.0.1', port=bound_port, device='d1', weight=1.0))
    ring.rebalance()
    ring.get_ring().save(f'{folder}/{service}.ring.gz')


def listen(wanted):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(('127.0.0.1', wanted))
    listener.listen(256)
    return listener


def serve(service):
    os.close(0)
    for other in SERVICES:
        if other != service:
            listeners[other].close()
    conf, logger, global_conf, _ = wsgi.check_config(confs[service], f'{service}-server')
    wsgi.run_server(conf, logger, GreenSocket(listeners[service]), global_conf=global_conf)


listeners = {service: listen(port if service == 'proxy' else 0) for service in SERVICES}
ports = {service: listener.getsockname()[1] for service, listener in listeners.items()}
confs = {service: write_conf(service, ports[service]) for service in SERVICES}
for service in SERVICES[:-1]:
    write_ring(service, ports[service])
for service in SERVICES:
    if os.fork() == 0:
        serve(service)
        os._exit(0)
for listener in listeners.values():
    listener.close()
print(ports['proxy'], flush=True)
while os.read(0, 4096):
    pass
os.killpg(0, signal.SIGKILL)

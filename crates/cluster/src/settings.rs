//! The text of the server's configuration files.

use std::fmt::Write;

/// Nothing but verified passwords over TLS on the loopback interface; no trust, no plain connection, no socket file.
pub(crate) const HBA: &str = "\
# type   database  user  address       method
hostssl  all       all   127.0.0.1/32  scram-sha-256
local    all       all                 reject
host     all       all   0.0.0.0/0     reject
host     all       all   ::0/0         reject
";

/// postgresql.conf. What comes later wins, so `extra` overrides.
pub(crate) fn postgresql_conf(port: u16, durable: bool, extra: &[(String, String)]) -> String {
    let mut text = format!(
        "\
# Written anew at every start.
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 60
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
ssl_min_protocol_version = 'TLSv1.2'
password_encryption = 'scram-sha-256'
hba_file = 'pg_hba.conf'
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C.UTF-8'
log_line_prefix = '%m [%p] %u@%d '
shared_buffers = '128MB'
jit = off
"
    );
    if !durable {
        // Not synchronous_commit: the story tests crash this server, and what it acknowledged must still be there.
        text.push_str("fsync = off\nfull_page_writes = off\n");
    }
    for (name, value) in extra {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name} = '{}'", value.replace('\'', "''"));
    }
    text
}

/// pgbouncer.ini for transaction pooling in front of that server.
pub(crate) fn pgbouncer_ini(port: u16, server_port: u16, admin: &str, pool_size: u32) -> String {
    format!(
        "\
[databases]
* = host=127.0.0.1 port={server_port} auth_user={admin}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 200
auth_type = scram-sha-256
auth_file = userlist.txt
auth_query = SELECT usename, passwd FROM pg_catalog.pg_shadow WHERE usename = $1
client_tls_sslmode = require
client_tls_cert_file = server.crt
client_tls_key_file = server.key
client_tls_protocols = secure
server_tls_sslmode = verify-full
server_tls_ca_file = ca.pem
server_tls_protocols = secure
ignore_startup_parameters = extra_float_digits
logfile =
pidfile =
"
    )
}

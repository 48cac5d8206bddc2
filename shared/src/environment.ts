/** Every variable that some part of Outrider reads: name, default, meaning. `outrider help environment` prints it. */
export const VARIABLES: readonly { readonly name: string; readonly default: string; readonly meaning: string }[] = [
  row('OUTRIDER_URL', 'http://127.0.0.1:8800', 'where the command line finds the control plane'),
  row('OUTRIDER_API_KEY', 'none', 'API key of the command line'),
  row(
    'OUTRIDER_CA_FILE',
    'none',
    'PEM file of a certificate authority that the command line trusts besides the usual ones',
  ),
  row('OUTRIDER_HTTP_ADDR', '127.0.0.1:8800', 'control plane: operator API'),
  row('OUTRIDER_GRPC_ADDR', '127.0.0.1:8801', 'control plane: delegates'),
  row('OUTRIDER_STORE', 'sqlite:.outrider/outrider.db', 'control plane: memory:, sqlite:PATH or postgres://…'),
  row('OUTRIDER_BOOTSTRAP_KEY', 'none', 'control plane: first admin API key, read while there is no key'),
  row('OUTRIDER_INSECURE', 'unset', '1: plaintext and no keys; refused unless both addresses are loopback'),
  row('OUTRIDER_TLS_CERT', 'own CA', 'control plane: certificate of both listeners (PEM file)'),
  row('OUTRIDER_TLS_KEY', 'own CA', 'control plane: its private key (PEM file)'),
  row(
    'OUTRIDER_PUBLIC_NAMES',
    'host names',
    'control plane: names, separated by commas, that the made certificate carries',
  ),
  row(
    'OUTRIDER_WEBHOOK_NETWORKS',
    'none',
    'control plane: networks inside that webhooks may be sent to (10.0.0.0/8,…)',
  ),
  row('OUTRIDER_DATA_DIR', '.outrider', 'journal, spool, certificates'),
  row('OUTRIDER_LOG_LEVEL', 'info', 'trace, debug, info, warn, error, fatal or silent'),
  row('OUTRIDER_CONTROL_PLANE', 'none', 'delegate: host:port to dial'),
  row('OUTRIDER_JOIN_TOKEN', 'none', 'delegate: join token'),
  row('OUTRIDER_JOIN_METHOD', 'token', 'delegate: how it proves itself'),
  row('OUTRIDER_DELEGATE_NAME', 'host name', 'delegate: its name'),
  row('OUTRIDER_DELEGATE_TAGS', 'none', 'delegate: tags, separated by commas'),
  row('OUTRIDER_TRANSPORT', 'auto', 'delegate: auto (streams, polling where they do not hold), stream or poll'),
  row('OUTRIDER_POLL_MIN_MS', '1000', 'delegate: shortest pause between two looks at AWS'),
  row('OUTRIDER_POLL_MAX_MS', '10000', 'delegate: longest pause between two looks at AWS'),
  row('OUTRIDER_ECS_AGENT_PORT', '51678', 'port of the ECS agent on container instances'),
  row('OUTRIDER_CHROMIUM', 'found', 'tests: the browser to use'),
  row('AWS_*', 'SDK', 'delegate: as the AWS SDK defines them (AWS_REGION, AWS_ENDPOINT_URL, …)'),
  row('NO_COLOR', 'unset', 'no colour and no redraw'),
];

function row(name: string, fallback: string, meaning: string) {
  return { name, default: fallback, meaning };
}

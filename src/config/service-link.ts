// Tells our environment names from those that Kubernetes makes up.

/**
 * Whether Kubernetes set this variable for a service whose name starts with `predictd`, e.g. `PREDICTD_SERVICE_HOST`, or
 * `PREDICTD_GRPC_PORT=tcp://10.0.0.1:8001` for a service named predictd-grpc. A pod's own variables win over these.
 */
export function isServiceLink(name: string, value: string): boolean {
  if (/_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/.test(name) || /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name)) return true;
  return name.endsWith("_PORT") && /^(tcp|udp|sctp):\/\//.test(value);
}

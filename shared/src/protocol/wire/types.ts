import { fromJSON, type MessageTypeDefinition } from '@grpc/proto-loader';
import descriptor from '../generated/descriptor.json' with { type: 'json' };

const PACKAGE = 'outrider.delegate.v1';
/** As plain data: the literal type of a JSON file is too exact to be a protobuf.js namespace. */
const described: object = descriptor;
/** As in proto/generate.ts: the generated types say what proto-loader does under these options. */
const definition = fromJSON(described, { longs: String, enums: String, oneofs: true });

/** Serialiser and parser of one message of the committed descriptor; no .proto file is read at run time. */
export function messageType(messageName: string): MessageTypeDefinition<object, object> {
  const type = definition[`${PACKAGE}.${messageName}`];
  if (type === undefined || type.format !== 'Protocol Buffer 3 DescriptorProto') {
    throw new TypeError(`the descriptor has no message ${messageName}`);
  }
  return type;
}

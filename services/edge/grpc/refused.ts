/**
 * A deserialiser of grpc-js that throws ends the call with a bare INTERNAL behind every interceptor's back,
 * so ours return what they refused as a value, and who reads the message answers it (PROTOCOL §1.1,
 * "Library limits").
 */
import type { MethodDefinition, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { ReticleError } from '@reticle/core/domain';
import { limits } from '@reticle/proto/contract';
import { strictDecode } from '@reticle/proto/load';

/** Stands where a message would. */
export class Refused {
  readonly error: ReticleError;

  constructor(error: ReticleError) {
    this.error = error;
  }
}

/** Decodes a message of our contract by its full name. */
export function strictDeserialiser<Message extends object>(typeName: string): (bytes: Buffer) => Message | Refused {
  return (bytes) => {
    const { ok, refusal } = strictDecode<Message>(typeName, bytes);
    if (refusal === undefined) return ok;
    const { code, message, param } = refusal;
    return new Refused(new ReticleError(code, message, param === '' ? {} : { param }));
  };
}

type Method = MethodDefinition<unknown, unknown>;

/** A library's own service (health, reflection) with deserialisers that refuse by value. */
export function hardened(
  service: ServiceDefinition<UntypedServiceImplementation>,
): ServiceDefinition<UntypedServiceImplementation> {
  const methods = Object.entries(service as Record<string, Method>);
  return Object.fromEntries(
    methods.map(([name, method]) => [
      name,
      { ...method, requestDeserialize: tolerant((bytes) => method.requestDeserialize(bytes)) },
    ]),
  );
}

function tolerant(decode: (bytes: Buffer) => unknown): (bytes: Buffer) => unknown {
  return (bytes) => {
    if (bytes.length > limits.messageBytesMax) {
      return new Refused(new ReticleError('request_too_large', 'the message is larger than 4 MiB'));
    }
    try {
      return decode(bytes);
    } catch (cause) {
      return new Refused(new ReticleError('invalid_request', 'the message is not valid protobuf', { cause }));
    }
  };
}

// Original file: proto/outrider/delegate/v1/delegate.proto


export interface RenewRequest {
  'nextSecretSha256'?: (string);
  'instanceId'?: (string);
}

export interface RenewRequest__Output {
  'nextSecretSha256'?: (string);
  'instanceId'?: (string);
}

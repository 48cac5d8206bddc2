// Original file: proto/outrider/delegate/v1/delegate.proto


export interface JoinRequest {
  'joinToken'?: (string);
  'delegateName'?: (string);
  'instanceId'?: (string);
  'version'?: (string);
  'secretSha256'?: (string);
}

export interface JoinRequest__Output {
  'joinToken'?: (string);
  'delegateName'?: (string);
  'instanceId'?: (string);
  'version'?: (string);
  'secretSha256'?: (string);
}

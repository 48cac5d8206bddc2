// Original file: proto/outrider/delegate/v1/delegate.proto


export interface Failure {
  'code'?: (string);
  'message'?: (string);
  'hint'?: (string);
  'evidence'?: (string)[];
  'failureType'?: (string);
}

export interface Failure__Output {
  'code'?: (string);
  'message'?: (string);
  'hint'?: (string);
  'evidence'?: (string)[];
  'failureType'?: (string);
}

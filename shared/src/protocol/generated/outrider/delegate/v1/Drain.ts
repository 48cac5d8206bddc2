// Original file: proto/outrider/delegate/v1/delegate.proto


export interface Drain {
  'reconnectAfterMs'?: (number);
  'reason'?: (string);
}

export interface Drain__Output {
  'reconnectAfterMs'?: (number);
  'reason'?: (string);
}

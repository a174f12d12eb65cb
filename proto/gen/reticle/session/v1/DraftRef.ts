// Original file: proto/reticle/session/v1/session.proto


export interface DraftRef__Input {
  'draftId'?: (string);
  'revision'?: (number);
}

export interface DraftRef {
  'draftId': (string);
  'revision': (number);
}

// Original file: proto/reticle/serving/v1/serving.proto


export interface Phase__Input {
  'name'?: (string);
  'weightPercent'?: (number);
}

export interface Phase {
  'name': (string);
  'weightPercent': (number);
}

// Original file: proto/reticle/serving/v1/serving.proto


export interface Region__Input {
  'name'?: (string);
  'residency'?: (string)[];
}

export interface Region {
  'name': (string);
  'residency': (string)[];
}

// Original file: proto/reticle/serving/v1/serving.proto


export interface DeploymentRegion__Input {
  'region'?: (string);
  'fallback'?: (string)[];
}

export interface DeploymentRegion {
  'region': (string);
  'fallback': (string)[];
}

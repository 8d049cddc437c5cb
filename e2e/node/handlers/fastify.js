import awsLambdaFastify from '@fastify/aws-lambda';
import { app } from '../fastify.js';

const options = { binaryMimeTypes: ['image/png'], decorateRequest: false };
const proxy = awsLambdaFastify(app, options);
const albMultiValueProxy = awsLambdaFastify(app, { ...options, albMultiValueHeaders: true });

// Which one is the deployer's to say: events of ALB with all values have no headers.
export const handler = (event, context) => (event.headers ? proxy : albMultiValueProxy)(event, context);

// Judges events by released schemas: node judge.js
// Each line of the input is a JSON object {format, event}; the output has a line for each event that does not fit.

import { createInterface } from 'node:readline';
import { AlbMultiValueHeadersSchema, AlbSchema } from '@aws-lambda-powertools/parser/schemas/alb';
import { APIGatewayProxyEventSchema, APIGatewayRequestAuthorizerEventSchema } from '@aws-lambda-powertools/parser/schemas/api-gateway';
import { APIGatewayProxyEventV2Schema, APIGatewayRequestAuthorizerEventV2Schema } from '@aws-lambda-powertools/parser/schemas/api-gatewayv2';
import { LambdaFunctionUrlSchema } from '@aws-lambda-powertools/parser/schemas/lambda';

const schemas = {
  'rest-api': APIGatewayProxyEventSchema,
  'http-api-v1': APIGatewayProxyEventSchema,
  'http-api-v2': APIGatewayProxyEventV2Schema,
  'function-url': LambdaFunctionUrlSchema,
  alb: AlbSchema,
  'alb-multi-value': AlbMultiValueHeadersSchema,
  'authorizer rest-api': APIGatewayRequestAuthorizerEventSchema,
  'authorizer http-api-v2': APIGatewayRequestAuthorizerEventV2Schema,
};

for await (const line of createInterface({ input: process.stdin })) {
  const { format, event } = JSON.parse(line);
  const result = schemas[format].safeParse(event);
  if (!result.success) {
    console.log(JSON.stringify({ format, issues: result.error.issues, event }));
  }
}

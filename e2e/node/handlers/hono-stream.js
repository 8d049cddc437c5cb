import { streamHandle } from 'hono/aws-lambda';
import { app } from '../hono.js';

export const handler = streamHandle(app);

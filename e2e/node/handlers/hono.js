import { handle } from 'hono/aws-lambda';
import { app } from '../hono.js';

export const handler = handle(app);

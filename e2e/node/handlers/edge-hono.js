import { handle } from 'hono/lambda-edge';
import { app } from '../hono.js';

export const handler = handle(app);

import serverless from 'serverless-http';
import { app } from '../express.js';

export const handler = serverless(app, { binary: ['image/*'] });

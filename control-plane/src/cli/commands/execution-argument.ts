import { Argument } from 'commander';

export const executionArgument = () => new Argument('<execution>', 'its id (outrider list)');

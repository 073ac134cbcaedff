// The optimizers of the update kernels, and which states each has.
import { Optimizer } from '../../src/kernels/kernels.js';

export type OptimizerName = keyof typeof Optimizer;

export const OPTIMIZERS = Object.keys(Optimizer) as OptimizerName[];
export const usesM = (name: OptimizerName): boolean => ['momentum', 'nesterov', 'adam', 'adamw'].includes(name);
export const usesV = (name: OptimizerName): boolean => ['adagrad', 'rmsprop', 'adam', 'adamw'].includes(name);

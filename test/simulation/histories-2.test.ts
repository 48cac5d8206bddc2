// takes minutes
import { checkHistories } from './histories-check.ts';

checkHistories(1);

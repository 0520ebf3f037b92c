-- Operators may begin a new attempt at a flow.
--
-- `attempt_epoch` is the flow's epoch when the attempt began: epochs only grow, so what was claimed
-- before it is fenced off. Null times: the first attempt, whose times are the task's.

ALTER TABLE flows ADD COLUMN attempt          INTEGER NOT NULL DEFAULT 1;
ALTER TABLE flows ADD COLUMN attempt_epoch    INTEGER NOT NULL DEFAULT 0;
ALTER TABLE flows ADD COLUMN attempt_began_ms INTEGER;
ALTER TABLE flows ADD COLUMN deadline_at_ms   INTEGER;

-- Dead letters: ended, and the evaluator has not taken what came of them. Only those have an entry.
CREATE INDEX flows_dead ON flows (ord) WHERE outcome IN ('failed', 'refused', 'undelivered');

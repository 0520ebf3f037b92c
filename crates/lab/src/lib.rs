//! Stand-ins for the outside world with settable faults: instructor, evaluator, GitHub with Pages, language model.

-- What was approved of a submission, beside its plan, so that any worker finds it.

-- `approved`: which saved preview it carries out, by whom, and which drift is accepted, as JSON; '' for none
ALTER TABLE submission ADD approved text NOT NULL DEFAULT '';
-- `approved`: what of that preview is this component's, as `preview --save` writes it, with a seal of its own
ALTER TABLE component ADD approved text NOT NULL DEFAULT '';

// Something to do with one item of a list: a form with a button.
import { type FormState, type PageFrame, stateOf } from "../look/frame.js";
import type { MessageId } from "../messages/english.js";
import { Form, Of } from "./form.js";

interface ItemActionProps {
  frame: PageFrame;
  /** Of the page: which form of which item was refused. */
  state: FormState;
  /** Of the form. */
  name: string;
  action: string;
  id: string;
  label: MessageId;
  /** Name of the item. */
  what: string;
  look: "secondary" | "danger" | "plain bad";
}

export function ItemAction({ frame, state, name, action, id, label, what, look }: ItemActionProps) {
  return (
    <Form frame={frame} name={name} state={stateOf(state, name, id)} action={action} class="">
      <input type="hidden" name="id" value={id} />
      <button type="submit" class={look}>
        {frame.say(label)} <Of what={what} />
      </button>
    </Form>
  );
}

/** Words of programs, such as scopes, roles and reasons, one after the other. */
export function Codes({ of }: { of: readonly string[] }) {
  return (
    <>
      {of.map((code) => (
        <>
          <code class="scope">{code}</code>{" "}
        </>
      ))}
    </>
  );
}

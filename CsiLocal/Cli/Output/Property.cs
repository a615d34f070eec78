namespace CsiLocal.Cli.Output;

/// <summary>One line of a thing's description. A class: LINQ over tuples is compiled anew for each kind of tuple, megabytes in all.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Value">Null, empty or <see cref="PlainText.None"/>: left out.</param>
internal sealed record Property(string Name, string? Value);

namespace CsiLocal.Cli.Output;

/// <summary>One column of a table.</summary>
/// <param name="Header">Upper case, one word where possible.</param>
/// <param name="IsNumber">Aligned to the right.</param>
/// <param name="MayFold">Folded over several lines where the terminal is too narrow; ids and sizes are not.</param>
internal sealed record TableColumn(string Header, bool IsNumber = false, bool MayFold = false);

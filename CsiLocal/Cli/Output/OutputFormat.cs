namespace CsiLocal.Cli.Output;

internal enum OutputFormat
{
    /// <summary>Tables and sentences for people.</summary>
    Table,

    /// <summary>One JSON document on standard output, whose shape is documented and stable.</summary>
    Json,
}

namespace CsiLocal.Diagnostics;

/// <summary>What the current flow of execution serves, so that its commands and changes are filed under it.</summary>
/// <remarks>The only ambient values of the driver: they are only ever written to the journal, nothing is decided by them.</remarks>
internal static class OperationScope
{
    private static readonly AsyncLocal<long?> Id = new();
    private static readonly AsyncLocal<string?> Subject = new();

    /// <summary>The journal id of the call; null where the daemon acts by itself.</summary>
    public static long? Current
    {
        get => Id.Value;
        set => Id.Value = value;
    }

    /// <summary>Id of the volume or snapshot that is being recovered; null within a call about one, which says so itself.</summary>
    public static string? Target
    {
        get => Subject.Value;
        set => Subject.Value = value;
    }
}

namespace CsiLocal.Diagnostics;

/// <summary>The journal id of the call that the current flow of execution serves, so that its commands are filed under it.</summary>
/// <remarks>The one ambient value of the driver: it is only ever written to the journal, nothing is decided by it.</remarks>
internal static class OperationScope
{
    private static readonly AsyncLocal<long?> Id = new();

    public static long? Current
    {
        get => Id.Value;
        set => Id.Value = value;
    }
}

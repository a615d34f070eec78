namespace CsiLocal.Native;

/// <summary>Signal numbers that are the same on every Linux this runs on.</summary>
internal static class Signals
{
    public const int Kill = 9;
    public const int Terminate = 15;
}

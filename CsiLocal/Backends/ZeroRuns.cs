namespace CsiLocal.Backends;

/// <summary>Tells blocks of zeros from data.</summary>
internal static class ZeroRuns
{
    /// <summary>Where the run of blocks that begins at <paramref name="from"/> ends: of zeros, or of blocks with anything else in them.</summary>
    /// <param name="from">A multiple of <paramref name="blockBytes"/>, before the end.</param>
    public static int EndOfRun(ReadOnlySpan<byte> bytes, int from, int blockBytes, out bool isZero)
    {
        isZero = IsZero(bytes, from, blockBytes);
        var end = from + blockBytes;
        while (end < bytes.Length && IsZero(bytes, end, blockBytes) == isZero)
            end += blockBytes;
        return Math.Min(end, bytes.Length);
    }

    private static bool IsZero(ReadOnlySpan<byte> bytes, int from, int blockBytes) =>
        !bytes[from..Math.Min(from + blockBytes, bytes.Length)].ContainsAnyExcept((byte)0);
}

using CsiLocal.Volumes;

namespace CsiLocal.Configuration;

/// <summary>What becomes of deleted volumes: <c>trash:</c> of the file, or of one pool.</summary>
internal sealed record TrashOptions
{
    public static readonly TrashOptions Default = new();

    /// <summary>How long they can be brought back; zero: not at all.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromHours(24);

    public EraseMode Erase { get; init; } = EraseMode.Discard;

    /// <summary>Bytes a second that are overwritten at most, of one pool; 0: as fast as the disks do.</summary>
    public long EraseRateBytes { get; init; } = 100L << 20;
}

/// <summary>Reads <c>trash:</c>.</summary>
internal static class TrashReader
{
    public const string Key = "trash";

    private const string EraseExpectation = "a way to erase; write discard, zero, random or none";

    private static readonly string[] Keys = ["grace", "erase", "eraseRate"];

    /// <summary>What the mapping says, and where it says nothing what holds without it.</summary>
    public static TrashOptions Read(OptionReader options, TrashOptions otherwise)
    {
        if (options.Mapping(Key, "a mapping such as { grace: 24h, erase: discard } is expected") is not { } trash)
            return otherwise;

        trash.RefuseOthers(Keys, static _ => null);
        return new TrashOptions
        {
            Grace = trash.Value("grace", otherwise.Grace, Duration.TryParse, Duration.Expectation, static _ => null),
            Erase = trash.Value<EraseMode>("erase", otherwise.Erase, TryParseErase, EraseExpectation, static _ => null),
            EraseRateBytes = trash.Value<long>("eraseRate", otherwise.EraseRateBytes, ByteSize.TryParse, ByteSize.Expectation, static _ => null),
        };
    }

    public static bool TryParseErase(string text, out EraseMode mode)
    {
        (var known, mode) = text switch
        {
            "discard" => (true, EraseMode.Discard),
            "zero" => (true, EraseMode.Zero),
            "random" => (true, EraseMode.Random),
            "none" => (true, EraseMode.None),
            _ => (false, default),
        };
        return known;
    }

    /// <summary>Reports a way to erase that the backend does not have.</summary>
    public static void Check(OptionReader options, TrashOptions trash, BackendKind? backend)
    {
        if (trash.Erase is EraseMode.Zero or EraseMode.Random && backend is BackendKind.Directory or BackendKind.LvmThin)
        {
            var (name, why) = backend == BackendKind.Directory ? ("directory", "files are removed") : ("lvm-thin", "a thin pool has other blocks written");
            options.Report(
                Key, $"erase: {trash.Erase.ToString().ToLowerInvariant()} cannot be had in {name} pools, where {why} and nothing is overwritten; "
                    + "write erase: discard or none for this pool");
        }
    }
}

using CsiLocal.Configuration;
using CsiLocal.Volumes;
using Proto = Csi.V1;

namespace CsiLocal.Rpc;

/// <summary>Controller requests to the domain's records. Pure: every check that needs no look-up, each naming its field.</summary>
internal static class ControllerRequests
{
    private static readonly string[] VolumeParameters =
    [
        ParameterNames.Pool, ParameterNames.FilesystemType, ParameterNames.MkfsOptions, ParameterNames.Preallocate, ParameterNames.Erase,
        ParameterNames.TrashGrace,
    ];

    public static VolumeSpec Parse(Proto.CreateVolumeRequest request)
    {
        var name = FieldRules.Name("name", request.Name);
        var (required, limit) = Range(request.CapacityRange, mandatory: false);
        var usages = CapabilityParser.ParseAll(request.VolumeCapabilities);
        var parameters = FieldRules.Map("parameters", request.Parameters);
        RequireKnown("parameters", parameters, VolumeParameters);
        FieldRules.Map("secrets", request.Secrets);
        if (request.MutableParameters.Count > 0)
        {
            var key = FieldRules.Printable(request.MutableParameters.Keys.Order(StringComparer.Ordinal).First());
            throw FieldRules.Invalid($"mutable_parameters[{key}]: the driver does not have MODIFY_VOLUME", "leave mutable_parameters empty");
        }

        return new VolumeSpec
        {
            Name = name,
            RequiredBytes = required,
            LimitBytes = limit,
            Access = usages[0].Access,
            Filesystem = FilesystemOf(usages, parameters),
            Pool = NonEmpty(parameters, ParameterNames.Pool),
            MkfsOptions = NonEmpty(parameters, ParameterNames.MkfsOptions),
            Preallocate = Boolean(parameters, ParameterNames.Preallocate),
            Erase = EraseOf(parameters),
            Source = Source(request.VolumeContentSource),
            RequisiteTopology = Topology(request.AccessibilityRequirements),
            Parameters = parameters,
        };
    }

    public static SnapshotSpec Parse(Proto.CreateSnapshotRequest request)
    {
        var name = FieldRules.Name("name", request.Name);
        FieldRules.Required("source_volume_id", request.SourceVolumeId);
        RequireKnown("parameters", FieldRules.Map("parameters", request.Parameters), []);
        FieldRules.Map("secrets", request.Secrets);
        return new SnapshotSpec(name, FieldRules.VolumeId("source_volume_id", request.SourceVolumeId));
    }

    /// <summary>Required and limit bytes; 0 where not specified.</summary>
    public static (long Required, long Limit) Range(Proto.CapacityRange? range, bool mandatory)
    {
        if (range is null || range is { RequiredBytes: 0, LimitBytes: 0 })
        {
            if (mandatory)
                throw FieldRules.Invalid("capacity_range: neither required_bytes nor limit_bytes is set", "set required_bytes");

            return (0, 0);
        }

        if (range.RequiredBytes < 0)
            throw FieldRules.Invalid($"capacity_range.required_bytes: {range.RequiredBytes} is negative", "use 0 or more");

        if (range.LimitBytes < 0)
            throw FieldRules.Invalid($"capacity_range.limit_bytes: {range.LimitBytes} is negative", "use 0 or more");

        if (range.LimitBytes > 0 && range.RequiredBytes > range.LimitBytes)
        {
            throw FieldRules.Invalid(
                $"capacity_range: required_bytes {range.RequiredBytes} is above limit_bytes {range.LimitBytes}", "raise the limit");
        }

        return (range.RequiredBytes, range.LimitBytes);
    }

    public static int MaxEntries(int value) =>
        value >= 0 ? value : throw FieldRules.Invalid($"max_entries: {value} is negative", "use 0 for all, or more");

    /// <summary>A position that an earlier page returned; 0 for the first page.</summary>
    public static long Token(string token)
    {
        if (token.Length == 0)
            return 0;

        // Only what ToString of a positive number gives: "007" or "+7" were never handed out.
        if (long.TryParse(token, System.Globalization.NumberStyles.None, null, out var sequence) && sequence > 0 && token[0] != '0')
            return sequence;

        throw new StorageException(
            StorageError.Aborted, $"starting_token: '{FieldRules.Printable(token)}' was not returned by an earlier call", "start again without a token");
    }

    public static void RequireKnown(string field, IReadOnlyDictionary<string, string> parameters, IReadOnlyCollection<string> known)
    {
        foreach (var key in parameters.Keys)
        {
            if (known.Contains(key) || ParameterNames.Informational.Contains(key))
                continue;

            var remedy = known.Count > 0 ? $"known are: {string.Join(", ", known)}" : "none are known here";
            throw FieldRules.Invalid($"{field}[{FieldRules.Printable(key)}]: unknown parameter", remedy);
        }
    }

    /// <summary>Parameters of GetCapacity and ValidateVolumeCapabilities: those of CreateVolume.</summary>
    public static IReadOnlyDictionary<string, string> VolumeParametersOf(IDictionary<string, string> map)
    {
        var parameters = FieldRules.Map("parameters", map);
        RequireKnown("parameters", parameters, VolumeParameters);
        return parameters;
    }

    private static FilesystemType? FilesystemOf(IReadOnlyList<Usage> usages, IReadOnlyDictionary<string, string> parameters)
    {
        var asked = usages.FirstOrDefault(static usage => usage.Filesystem is not null)?.Filesystem;
        if (NonEmpty(parameters, ParameterNames.FilesystemType) is not { } text)
            return asked;

        if (usages[0].Access == AccessType.Block)
            throw FieldRules.Invalid($"parameters[{ParameterNames.FilesystemType}]: a raw block volume has no file system", "leave it out");

        var named = CapabilityParser.Filesystem(text);
        return asked is null || asked == named
            ? named
            : throw FieldRules.Invalid(
                $"parameters[{ParameterNames.FilesystemType}]: '{text}' contradicts fs_type of volume_capabilities", "set one of them");
    }

    private static ContentSource? Source(Proto.VolumeContentSource? source) => source?.TypeCase switch
    {
        null => null,
        Proto.VolumeContentSource.TypeOneofCase.Snapshot => new ContentSource.FromSnapshot(
            FieldRules.SnapshotId("volume_content_source.snapshot.snapshot_id", source.Snapshot.SnapshotId)),
        Proto.VolumeContentSource.TypeOneofCase.Volume => new ContentSource.FromVolume(
            FieldRules.VolumeId("volume_content_source.volume.volume_id", source.Volume.VolumeId)),
        _ => throw FieldRules.Invalid("volume_content_source: neither snapshot nor volume is set", "set one of them, or leave it out"),
    };

    private static IReadOnlyList<IReadOnlyDictionary<string, string>>? Topology(Proto.TopologyRequirement? requirement)
    {
        if (requirement is null)
            return null;

        if (requirement.Requisite.Count == 0 && requirement.Preferred.Count == 0)
            throw FieldRules.Invalid("accessibility_requirements: neither requisite nor preferred is set", "set one of them, or leave it out");

        foreach (var topology in requirement.Requisite.Concat(requirement.Preferred))
            FieldRules.Map("accessibility_requirements", topology.Segments);

        // Preferred alone is a wish: this node is the only choice there is.
        return requirement.Requisite.Count == 0
            ? null
            : [.. requirement.Requisite.Select(static topology => FieldRules.Map("accessibility_requirements.requisite", topology.Segments))];
    }

    /// <summary>Both parameters of the trash, which are looked at again when the volume is deleted.</summary>
    private static EraseMode? EraseOf(IReadOnlyDictionary<string, string> parameters)
    {
        if (NonEmpty(parameters, ParameterNames.TrashGrace) is { } grace && TrashParameters.GraceOf(parameters) is null)
            throw FieldRules.Invalid($"parameters[{ParameterNames.TrashGrace}]: '{FieldRules.Printable(grace)}' is not {Duration.Expectation}");

        var erase = TrashParameters.EraseOf(parameters);
        return erase is not null || NonEmpty(parameters, ParameterNames.Erase) is not { } text
            ? erase
            : throw FieldRules.Invalid(
                $"parameters[{ParameterNames.Erase}]: '{FieldRules.Printable(text)}' is no way to erase", "use discard, zero, random or none");
    }

    private static string? NonEmpty(IReadOnlyDictionary<string, string> parameters, string key) =>
        parameters.TryGetValue(key, out var value) && value.Length > 0 ? value : null;

    private static bool? Boolean(IReadOnlyDictionary<string, string> parameters, string key) => NonEmpty(parameters, key) switch
    {
        null => null,
        "true" => true,
        "false" => false,
        var other => throw FieldRules.Invalid($"parameters[{key}]: '{FieldRules.Printable(other)}' is not a boolean", "use true or false"),
    };
}

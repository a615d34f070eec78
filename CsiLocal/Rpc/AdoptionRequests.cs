using CsiLocal.Admin.V1;
using CsiLocal.Volumes;

namespace CsiLocal.Rpc;

/// <summary>Admin.AdoptVolume requests to the domain's record. Pure.</summary>
internal static class AdoptionRequests
{
    public static AdoptionSpec Parse(AdoptVolumeRequest request)
    {
        var source = ForeignSource.Parse(NonEmpty("source", request.Source));
        var filesystem = CapabilityParser.Filesystem(request.Filesystem);
        if (request.Block && filesystem is not null)
            throw FieldRules.Invalid("block, filesystem: a raw block volume has no file system", "set one of them");
        if (request.SizeBytes < 0)
            throw FieldRules.Invalid($"size_bytes: {request.SizeBytes} is negative", "use 0 or more");

        return new AdoptionSpec
        {
            Source = source,
            Pool = FieldRules.Required("pool", request.Pool),
            Name = FieldRules.Name("name", request.Name.Length > 0 ? request.Name : ForeignLayouts.DefaultName(source.Name)),
            Access = request.Block ? AccessType.Block : AccessType.Mount,
            Filesystem = filesystem,
            SizeBytes = request.SizeBytes,
            Layout = Layout(request.Layout),
        };
    }

    /// <summary>The name that the volume is to have; null where the request does not tell.</summary>
    public static string? NameOf(AdoptVolumeRequest request)
    {
        if (request.Name.Length > 0)
            return request.Name;

        try
        {
            return ForeignLayouts.DefaultName(ForeignSource.Parse(request.Source).Name);
        }
        catch (StorageException)
        {
            // The call itself is refused for it.
            return null;
        }
    }

    private static ForeignLayout? Layout(string word) => word.Length == 0
        ? null
        : ForeignLayouts.Parse(word) ?? throw FieldRules.Invalid(
            $"layout: '{FieldRules.Printable(word)}' is not known", $"use one of {string.Join(", ", ForeignLayouts.Words)}, or leave it empty");

    // Paths are longer than what else the specification's limit is for; ForeignSource has its own.
    private static string NonEmpty(string field, string value) => value.Length > 0 ? value : throw FieldRules.Invalid($"{field}: it is empty", "set it");
}

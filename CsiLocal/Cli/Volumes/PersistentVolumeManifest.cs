using System.Globalization;
using System.Text.Json;
using CsiLocal.Cli.Output;
using Proto = Csi.V1;

namespace CsiLocal.Cli.Volumes;

/// <summary>A PersistentVolume for a volume that is there: what external-provisioner would have made of CreateVolume's answer.</summary>
internal sealed record PersistentVolumeManifest : IJsonShape
{
    private static readonly string[] Units = ["", "Ki", "Mi", "Gi", "Ti"];

    public required string Name { get; init; }

    public required string DriverName { get; init; }

    /// <summary>As CreateVolume answers it.</summary>
    public required Proto.Volume Volume { get; init; }

    public required bool IsBlock { get; init; }

    /// <summary>Empty: a directory, or raw block.</summary>
    public required string Filesystem { get; init; }

    /// <summary>null: of none.</summary>
    public string? StorageClass { get; init; }

    /// <summary>null: free for any claim that fits.</summary>
    public (string Namespace, string Name)? Claim { get; init; }

    /// <summary>A DNS subdomain (RFC 1123), which the names of PersistentVolumes have to be.</summary>
    public static bool IsName(string text) => text.Length is > 0 and <= 253 && text.Split('.').All(static part =>
        part.Length > 0 && part[0] != '-' && part[^1] != '-' && part.All(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'));

    public void Write(Utf8JsonWriter json)
    {
        json.WriteString("apiVersion", "v1");
        json.WriteString("kind", "PersistentVolume");
        json.WriteStartObject("metadata");
        json.WriteString("name", Name);

        // Without it external-provisioner leaves the volume alone, should somebody set the reclaim policy to Delete one day.
        json.WriteStartObject("annotations");
        json.WriteString("pv.kubernetes.io/provisioned-by", DriverName);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartObject("spec");
        WriteSpec(json);
        json.WriteEndObject();
    }

    private void WriteSpec(Utf8JsonWriter json)
    {
        json.WriteStartObject("capacity");
        json.WriteString("storage", Quantity(Volume.CapacityBytes));
        json.WriteEndObject();
        json.WriteTexts("accessModes", ["ReadWriteOnce"]);
        json.WriteString("volumeMode", IsBlock ? "Block" : "Filesystem");
        json.WriteString("persistentVolumeReclaimPolicy", "Retain");
        if (StorageClass is not null)
            json.WriteString("storageClassName", StorageClass);
        if (Claim is { } claim)
        {
            json.WriteStartObject("claimRef");
            json.WriteString("apiVersion", "v1");
            json.WriteString("kind", "PersistentVolumeClaim");
            json.WriteString("namespace", claim.Namespace);
            json.WriteString("name", claim.Name);
            json.WriteEndObject();
        }

        json.WriteStartObject("csi");
        json.WriteString("driver", DriverName);
        json.WriteString("volumeHandle", Volume.VolumeId);
        if (Filesystem.Length > 0)
            json.WriteString("fsType", Filesystem);
        json.WriteStartObject("volumeAttributes");
        foreach (var key in Volume.VolumeContext.Keys.Order(StringComparer.Ordinal))
            json.WriteString(key, Volume.VolumeContext[key]);
        json.WriteEndObject();
        json.WriteEndObject();
        WriteAffinity(json);
    }

    private void WriteAffinity(Utf8JsonWriter json)
    {
        json.WriteStartObject("nodeAffinity");
        json.WriteStartObject("required");
        json.WriteStartArray("nodeSelectorTerms");
        foreach (var topology in Volume.AccessibleTopology)
        {
            json.WriteStartObject();
            json.WriteStartArray("matchExpressions");
            foreach (var key in topology.Segments.Keys.Order(StringComparer.Ordinal))
            {
                json.WriteStartObject();
                json.WriteString("key", key);
                json.WriteString("operator", "In");
                json.WriteTexts("values", [topology.Segments[key]]);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    // Exact, in the largest binary unit that has a whole number: "10Gi".
    private static string Quantity(long bytes)
    {
        var (number, unit) = (bytes, 0);
        while (unit < Units.Length - 1 && number > 0 && number % 1024 == 0)
            (number, unit) = (number / 1024, unit + 1);
        return number.ToString(CultureInfo.InvariantCulture) + Units[unit];
    }
}

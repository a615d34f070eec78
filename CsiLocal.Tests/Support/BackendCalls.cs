using CsiLocal.Backends;
using CsiLocal.Tests.Fakes;
using CsiLocal.Volumes;

namespace CsiLocal.Tests;

/// <summary>Calls of a backend in the short forms that most tests need.</summary>
internal static class BackendCalls
{
    public static Task<VolumeRecord> CreateAsync(this IStorageBackend backend, VolumeRecord volume, CancellationToken cancellationToken) =>
        backend.CreateAsync(volume, new RecordedProgress(), cancellationToken);

    /// <summary>For backends that keep their metadata in files, and so have written it on return.</summary>
    public static void WriteMetadata(this IStorageBackend backend, VolumeRecord volume) =>
        Xunit.Assert.True(backend.WriteMetadataAsync(volume, CancellationToken.None).IsCompletedSuccessfully);
}

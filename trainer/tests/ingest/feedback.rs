//! Labels that come later, by the id of their prediction.

use picket_trainer::ingest::{DataSource, FeedbackSource, Ingest, Labels};

use crate::rows::{schema, write};

#[test]
fn rows_get_the_label_of_their_feedback_and_others_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let rows = "prediction_id,bytes,flag,service\na,1,1,http\nb,2,0,dns\nc,3,1,80\na,4,1,http\n";
    let rows = write(dir.path(), "rows.csv", rows);
    let feedback = "{\"prediction_id\":\"a\",\"label\":true}\n{\"prediction_id\":\"c\",\"attack\":0}\n{\"prediction_id\":\"z\",\"label\":\"1\"}\n";
    let feedback = write(dir.path(), "feedback.ndjson", feedback);
    let (schema, source) = (schema(), DataSource::file(rows.to_str().unwrap()));
    let ingest = |source: FeedbackSource, data| {
        Ingest {
            labels: Labels::Feedback(source),
            ..Ingest::new(&schema, data)
        }
        .run()
    };
    let found = ingest(FeedbackSource::new(&feedback), &source).unwrap();
    assert_eq!(found.labels, [true, false, true]);
    assert_eq!(found.values[3..6], [3.0, 1.0, 1.0]);
    let counts = found.counts;
    assert_eq!(
        (counts.n_read, counts.n_kept, counts.n_without_feedback),
        (4, 3, 1)
    );
    assert_eq!(counts.n_feedback_unused, 1);

    let mut other = FeedbackSource::new(&feedback);
    other.id_column = "uuid".into();
    let error = ingest(other, &source).unwrap_err();
    assert!(error.to_string().contains("\"uuid\""), "{error}");
    assert!(error.is_input_error());
}
